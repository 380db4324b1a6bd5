import type { Alert } from "../../engine/host/operations/alert.ts";
import type { Palette } from "../palette.ts";
import { cutEnd, printable } from "./text-width.ts";

/**
 * `Alert: apply of demo failed: … (5m ago). See "vmlab ops show op-3f9c2a".`, at most twice as long as the screen is wide.
 * Of what watch found the remedy is not where to look, but what to do.
 */
export function alertLine(
  alert: Alert,
  ago: string,
  layout: { readonly palette: Palette; readonly width: number | undefined },
): string {
  const { palette, width } = layout;
  const head = "Alert: ";
  const tail = ` (${ago} ago). ${alert.operation === undefined ? "Run" : "See"} "${alert.remedy}".`;
  const text = printable(`${alert.subject} ${alert.what}`).replaceAll(/\s+/g, " ");
  const room = width === undefined ? undefined : Math.max(40, 2 * width - head.length - tail.length);
  return `${palette.warning(head.trim())} ${room === undefined ? text : cutEnd(text, room)}${palette.faint(tail)}`;
}
