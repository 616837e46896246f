// Thirty days of a device on XS, the other ten seeds.
import { enduranceOfMonths } from "../sim/endure.ts";

enduranceOfMonths([111, 112, 113, 114, 115, 116, 117, 118, 119, 120]);
