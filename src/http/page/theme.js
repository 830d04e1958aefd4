// Owns: the colour scheme before anything is drawn, so that the page never flashes in the other one. A classic
// script, since modules run too late for that. The switch itself is in `switches.js`.
(function () {
  'use strict';
  var chosen = null;
  try {
    chosen = localStorage.getItem('diurnal.theme');
  } catch (error) {
    // A browser that keeps nothing follows the system.
  }
  if (chosen === 'dark' || chosen === 'light') document.documentElement.dataset.theme = chosen;
}());
