// The store in memory keeps the contract of every store.
import { MemoryStore } from "../../../host-tools/hub/core/memory-store.ts";
import { testHubStore } from "./hub-store-contract.ts";

testHubStore(() => new MemoryStore());
