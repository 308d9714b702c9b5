import { describe, expect, it } from "vitest";
import { whole } from "../src/numbers";
import { webAddress } from "../src/panels/value";

describe("a whole number", () => {
  it("is written with commas between its thousands, as the browser would", () => {
    for (const number of [0, 7, 999, 1000, 12_345, 999_999, 1_000_000, -1234, Number.MAX_SAFE_INTEGER]) {
      expect(whole(number)).toBe(number.toLocaleString("en"));
    }
  });
});

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
