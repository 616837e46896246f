// The store of tests and of virtual time keeps the promises of the one on disk.
import { MemoryStore } from "../../../host-tools/hub/core/memory-store.ts";
import { testHubStore } from "./hub-store-contract.ts";

testHubStore(() => new MemoryStore());
