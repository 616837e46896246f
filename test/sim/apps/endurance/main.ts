/** The endurance app on a board. */
import { createPlatform } from "godwit/platform/board";
import { startEndurance } from "./app.ts";

startEndurance(createPlatform());
