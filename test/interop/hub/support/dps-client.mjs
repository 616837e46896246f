// Registers one device with Microsoft's provisioning client and prints the result as JSON. A process of
// its own, because that client takes further authorities from NODE_EXTRA_CA_CERTS alone.
import { readFileSync } from "node:fs";
import provisioning from "azure-iot-provisioning-device";
import mqtt from "azure-iot-provisioning-device-mqtt";
import symmetric from "azure-iot-security-symmetric-key";
import x509 from "azure-iot-security-x509";

const { host, idScope, registrationId, key, certFile, keyFile, payload } = JSON.parse(
  process.argv[2],
);
const security = key
  ? new symmetric.SymmetricKeySecurityClient(registrationId, key)
  : new x509.X509Security(registrationId, {
      cert: readFileSync(certFile, "utf8"),
      key: readFileSync(keyFile, "utf8"),
    });
const client = provisioning.ProvisioningDeviceClient.create(
  host,
  idScope,
  new mqtt.Mqtt(),
  security,
);
if (payload) client.setProvisioningPayload(payload);
client.register((error, result) => {
  const outcome = error ? { error: `${error.name}: ${error.message}` } : { result };
  process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0));
});
