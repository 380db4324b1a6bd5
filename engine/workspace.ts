/** One lab with everything that planning, applying and day-2 work on it need. */
import type { Providers } from "../providers/provider.ts";
import type { Lab } from "./config/types.ts";
import type { Effects } from "./effects.ts";
import type { EventSink } from "./events.ts";
import type { Home } from "./home.ts";
import type { StateStore } from "./state/store.ts";

export interface Workspace {
  readonly effects: Effects;
  readonly home: Home;
  /** Version of vmlab. */
  readonly tool: string;
  /** Absolute path of the lab's folder. */
  readonly folder: string;
  readonly lab: Lab;
  readonly store: StateStore;
  readonly providers: Providers;
  readonly events: EventSink;
}
