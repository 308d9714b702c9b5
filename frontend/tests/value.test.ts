import { describe, expect, it } from "vitest";
import { webAddress } from "../src/panels/value";

describe("a text that is a link", () => {
  it("is a web address as a whole", () => {
    expect(webAddress("https://example.org/a b")).toBeNull();
    expect(webAddress("see https://example.org")).toBeNull();
    expect(webAddress("https://example.org/?q=1#x")).toBe("https://example.org/?q=1#x");
    expect(webAddress("HTTP://example.org")).toBe("http://example.org/");
  });

  it("never is one that could run something", () => {
    for (const text of [
      "javascript:alert(1)",
      "data:text/html,<b>",
      "file:///etc/passwd",
      "//example.org",
      "https://",
    ]) {
      expect(webAddress(text)).toBeNull();
    }
  });
});
