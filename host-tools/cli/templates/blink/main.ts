// Starts blink on the board it finds itself on; the simulator's engine is one too.
import { createPlatform } from "godwit/platform/board";
import { startBlink } from "./app.ts";

startBlink(createPlatform());
