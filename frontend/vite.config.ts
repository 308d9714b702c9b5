import { defineConfig } from "vite";

/**
 * One module, `index.js`, with the style sheet inside it, and what lies in `public/` beside it.
 * No file is fetched but from the same folder, so that prefixes, proxies and TensorBoard's policy are all the same to it.
 */
export default defineConfig({
  base: "./",
  build: {
    outDir: "../src/embedding_lab/board/static",
    emptyOutDir: true,
    target: "es2022",
    lib: { entry: "src/index.ts", formats: ["es"], fileName: () => "index.js" },
    reportCompressedSize: false,
  },
});
