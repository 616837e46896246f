/** A device with nothing but a connection: four messages, an echo of what arrives, states to the log. */
import { encodeUtf8 } from "godwit/codec/utf8";
import { Connection } from "godwit/connection/connection";
import { createPlatform } from "godwit/platform/board";

const platform = createPlatform();
const connection = new Connection(
  platform,
  { modelId: "dtmi:com:example:Echo;1" },
  {
    onState: (state, fault) => platform.log("info", `state ${state} ${fault?.code ?? ""}`),
    onOpen() {
      connection.publish("$iothub/twin/GET/?$rid=1", encodeUtf8(""));
    },
    onMessage(topic, payload) {
      platform.log("info", `heard ${payload.length} on ${topic}`);
      return undefined;
    },
  },
);

for (let i = 0; i < 4; i++) {
  connection.send({
    payload: encodeUtf8(`{"n":${i}}`),
    bag: "$.ct=application%2Fjson",
    onSettled: (outcome) => platform.log("info", `message ${i} ${outcome}`),
  });
}
connection.start();
