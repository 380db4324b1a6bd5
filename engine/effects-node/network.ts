import type { Network } from "../effects.ts";

export const nodeNetwork: Network = {
  connect: async (target, options) => (await import("./socket.ts")).connectSocket(target, options),
  open: async (url, options) => (await import("./http.ts")).openUrl(url, options),
};
