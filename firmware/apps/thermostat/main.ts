/** The thermostat on a board: the platform of the target and the app. */
import { createPlatform } from "godwit/platform/board";
import { startThermostat } from "./app.ts";

startThermostat(createPlatform());
