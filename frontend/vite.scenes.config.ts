import { defineConfig } from "vite";

/** The gallery of scenes: `npx vite --config vite.scenes.config.ts`, and what the browser tests build and open. */
export default defineConfig({
  root: "scenes",
  base: "./",
  build: { target: "es2022", reportCompressedSize: false, modulePreload: false },
});
