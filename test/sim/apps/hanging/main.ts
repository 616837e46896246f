/** Four billion holes: a few codes for the meter, minutes for the engine. */
const holes: number[] = [];
holes.length = 2 ** 32 - 1;
holes.indexOf(7);
