/**
 * Pretend machines and images (`lab.provider = "fake"`): for engine tests, and for trying vmlab out on a host without
 * QEMU. They have no capacity limits and use nothing of the host.
 */
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { Providers } from "../provider.ts";
import { fakeImageProvider } from "./images.ts";
import { fakeNetworkProvider } from "./networks.ts";
import { fakeVmProvider } from "./vms.ts";
import { fakeVolumeProvider } from "./volumes.ts";
import { FakeWorld } from "./world.ts";

export function fakeProviders(options: { readonly effects: Effects; readonly home: Home }): Providers {
  const world = new FakeWorld(options.effects, options.home);
  return {
    vm: fakeVmProvider(world),
    image: fakeImageProvider(world),
    network: fakeNetworkProvider(options.effects, options.home),
    volume: fakeVolumeProvider(world, options.effects, options.home),
  };
}
