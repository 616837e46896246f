/** Random bytes fit for cryptography on a board; seeded in the simulator. */
export interface Random {
  fill(target: Uint8Array): void;
}
