// Thirty days of a device on XS, ten seeds; ten more run beside them in another worker (endurance-more.test.ts).
import { enduranceOfMonths } from "../sim/endure.ts";

enduranceOfMonths([101, 102, 103, 104, 105, 106, 107, 108, 109, 110]);
