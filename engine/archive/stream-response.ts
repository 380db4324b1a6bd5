import type { HttpResponse } from "../effects.ts";

/** A stream as an answer: the effects port writes those to files ({@link Files.download}). */
export function streamResponse(
  body: AsyncIterable<Uint8Array>,
  discard: () => void = () => undefined,
): HttpResponse {
  return { status: 200, headers: {}, body, text: async () => "", discard: async () => discard() };
}
