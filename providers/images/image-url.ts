/** URLs of images: what is shown, what is sent. */

/** The URL without user name and password: what may be shown, logged and written to vmlab.lock. */
export function publicUrl(url: string): string {
  const parsed = new URL(url);
  if (parsed.username === "" && parsed.password === "") return url;
  parsed.username = "";
  parsed.password = "";
  return parsed.href;
}

/** The request for a URL: credentials move into a header (RFC 7617), and nothing is compressed on the way. */
export function requestFor(url: string): { readonly url: string; readonly headers: Record<string, string> } {
  const { username, password } = new URL(url);
  const headers: Record<string, string> = { "accept-encoding": "identity", "user-agent": "vmlab" };
  if (username !== "" || password !== "") {
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    headers.authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;
  }
  return { url: publicUrl(url), headers };
}

/** The file name that a checksum list would use. */
export function urlFileName(url: string): string {
  const path = new URL(url).pathname;
  return decodeURIComponent(path.slice(path.lastIndexOf("/") + 1));
}

/** What changes when the file behind a URL does: its ETag, its date, or at least its size. */
export function validatorOf(headers: Readonly<Record<string, string>>): string | undefined {
  return headers.etag ?? headers["last-modified"] ?? headers["content-length"];
}
