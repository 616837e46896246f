/** Blink on a board: the platform of the target and the app. */
import { createPlatform } from "godwit/platform/board";
import { startBlink } from "./app.ts";

startBlink(createPlatform());
