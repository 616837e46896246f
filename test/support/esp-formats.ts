// One sample of each ESP file format.
import { createHash } from "node:crypto";
import { buildDescriptor, buildImage } from "../../host-tools/flash/esp/image.ts";

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** For settings that name no files. */
export const noFiles = () => {
  throw new Error("no files here");
};

export const sampleApp = buildImage({
  chipId: 5,
  entry: 0x40380000,
  segments: [
    { address: 0x3c000020, bytes: buildDescriptor("thermostat", "2.1.0") },
    { address: 0x40380000, bytes: new Uint8Array(1000).fill(7) },
  ],
});

export const sampleCsv = `# name,type,subtype,offset,size,flags
nvs,data,nvs,,0x6000,
phy_init,data,phy,,4K,readonly
factory,app,factory,,1M,
secret,data,0x99,,8K,encrypted
`;

export const sampleNvsCsv = `key,type,encoding,value
wifi,namespace,,
ssid,data,string,my network
pass,data,string,correct horse battery staple
chan,data,u8,11
off,data,i32,-5
big,data,u64,18446744073709551615
neg,data,i64,-9
sm,data,i8,-1
sh,data,i16,-300
us,data,u16,65535
hub,namespace,,
hub.conn,data,string,HostName=h;DeviceId=d;SharedAccessKey=AAAA
key,data,hex2bin,00112233445566778899aabbccddeeff
b,data,base64,SGVsbG8=
`;
