/** The weather station on a board: the platform of the target and the app. */
import { createPlatform } from "godwit/platform/board";
import { startWeather } from "./app.ts";

startWeather(createPlatform());
