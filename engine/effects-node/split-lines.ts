import { StringDecoder } from "node:string_decoder";

/**
 * Cuts a stream of bytes into lines. A carriage return ends a line too, because programs draw their progress with it.
 * `end` hands out what stands behind the last line end.
 */
export function lineSplitter(onLine: (line: string) => void): { push(data: Buffer): void; end(): void } {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let afterReturn = false;
  const take = (text: string): void => {
    // The line feed of a CR LF that was cut between two chunks.
    const clean = afterReturn && text.startsWith("\n") ? text.slice(1) : text;
    if (text !== "") afterReturn = text.endsWith("\r");
    const lines = (rest + clean).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  };
  return {
    push: (data) => take(decoder.write(data)),
    end() {
      take(decoder.end());
      if (rest !== "") onLine(rest);
      rest = "";
    },
  };
}
