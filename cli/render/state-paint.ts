/** Colours of the states of VMs. */
import type { VmState } from "../../engine/operate/vm-state.ts";
import type { Paint, Palette } from "../palette.ts";

export function statePaint(state: VmState, palette: Palette): Paint {
  switch (state) {
    case "running":
      return palette.good;
    case "stopped":
    case "paused":
    case "suspended":
      return palette.faint;
    case "crashed":
    case "missing":
    case "incomplete":
    case "broken":
      return palette.error;
  }
}
