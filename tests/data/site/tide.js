"use strict";
// Tides come twice in a lunar day of 24 h 50 min; this only counts down to the next whole one.
const lunarHalfDayMs = (24 * 60 + 50) * 30 * 1000;
const left = lunarHalfDayMs - (Date.now() % lunarHalfDayMs);
document.getElementById("tide").value = `${Math.floor(left / 3600000)} h ${Math.floor((left / 60000) % 60)} min`;
