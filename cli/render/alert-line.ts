import { type Alert, remedyOf } from "../../engine/host/operations/alert.ts";
import type { Palette } from "../palette.ts";
import { cutEnd, printable } from "./text-width.ts";

/** `Alert: apply of demo failed: … (5m ago). See "vmlab ops show op-3f9c2a".`, at most twice as long as the screen is wide. */
export function alertLine(
  alert: Alert,
  ago: string,
  layout: { readonly palette: Palette; readonly width: number | undefined },
): string {
  const { palette, width } = layout;
  const head = "Alert: ";
  const tail = ` (${ago} ago). See "${remedyOf(alert)}".`;
  const text = printable(`${alert.subject} ${alert.what}`).replaceAll(/\s+/g, " ");
  const room = width === undefined ? undefined : Math.max(40, 2 * width - head.length - tail.length);
  return `${palette.warning(head.trim())} ${room === undefined ? text : cutEnd(text, room)}${palette.faint(tail)}`;
}
