// Starts the thermostat on the board it finds itself on; the simulator's engine is one too.
import { createPlatform } from "godwit/platform/board";
import { startThermostat } from "./app.ts";

startThermostat(createPlatform());
