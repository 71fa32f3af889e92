// The theme that was chosen on this device, in force before anything is painted.
"use strict";

(() => {
  const KEY = "corral.theme";
  const root = document.documentElement;

  function apply(theme) {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
    paintFrame();
  }

  // The browser's own bar takes the colour of the page.
  function paintFrame() {
    const colour = getComputedStyle(root).getPropertyValue("--canvas").trim();
    document.querySelector('meta[name="theme-color"]')?.setAttribute("content", colour);
  }

  globalThis.corralTheme = {
    get: () => localStorage.getItem(KEY) ?? "system",
    set(theme) {
      localStorage.setItem(KEY, theme);
      apply(theme);
    },
  };

  apply(globalThis.corralTheme.get());
  addEventListener("load", paintFrame);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paintFrame);
})();
