"use strict";

// The theme is set before anything is drawn, so that a page does not flash in the other one.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem("gitexp-theme");
    } catch {
      return null; // a browser that keeps nothing
    }
  }

  function show() {
    document.documentElement.dataset.theme = chosen() ?? (dark.matches ? "dark" : "light");
  }

  function change() {
    const other = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("gitexp-theme", other);
    } catch {
      // The theme holds for this page alone.
    }
    document.documentElement.dataset.theme = other;
  }

  dark.addEventListener("change", show);
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", change);
  });
  show();
})();
