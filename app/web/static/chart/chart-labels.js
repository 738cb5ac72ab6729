/** Draws the end of each line: a dot in its colour and the player's name, without overlaps. */

import { WATCHED } from "../common/watched-board.js";

const LINE_HEIGHT = 1.25;
/** From the plot to the start of a name, in the font's size. */
const NAME_START_EM = 1.5;
/** The least width has room for half of the last time, which is below the end of the plot. */
const MIN_WIDTH_EM = 4;
const MAX_WIDTH_EM = 16;
/** A wide chart has room for long names, a narrow one does not even have room for MAX_WIDTH_EM. */
const WIDE_SHARE = 0.24;
const MAX_SHARE = 0.42;

/** The width in CSS pixels of the names beside the plot: that of the longest, unless it takes too much. */
export function widthOfLabels(series, chartWidth, style) {
  const size = parseFloat(style.fontSize);
  const ctx = document.createElement("canvas").getContext("2d");
  ctx.font = `${size}px ${style.fontFamily}`;
  const longest = Math.max(0, ...series.map(({ displayName }) => ctx.measureText(displayName).width));
  const width = Math.max(MIN_WIDTH_EM * size, Math.ceil(longest) + (NAME_START_EM + 0.25) * size);
  return Math.min(width, Math.max(MAX_WIDTH_EM * size, WIDE_SHARE * chartWidth), MAX_SHARE * chartWidth);
}

/** Draw over uPlot's canvas; `series` are ScoreHistory's, in the order of the board. */
export function drawLabels(plot, series, colours, style) {
  const { ctx, bbox } = plot;
  const size = parseFloat(style.fontSize) * devicePixelRatio;
  const right = bbox.left + bbox.width;
  const ends = series.map(({ userId, displayName }) => {
    const colour = colours.indexOf(userId);
    return {
      name: displayName,
      colour: style.getPropertyValue(`--series-${colour}`).trim(),
      y: plot.valToPos(plot.data[colour + 1].at(-1), "y", true),
    };
  });
  // Where the lower score is better, the first of the board is the lowest line.
  if (WATCHED.better === "low") ends.reverse();
  // Less than LINE_HEIGHT if the chart is too low for all labels. Then the names are smaller too.
  const lineHeight = Math.min(size * LINE_HEIGHT, bbox.height / Math.max(1, ends.length - 1));
  const textSize = Math.min(size, lineHeight);
  const labelYs = spread(ends.map(({ y }) => y), lineHeight, bbox.top + bbox.height);
  ctx.save();
  ctx.font = `${textSize}px ${style.fontFamily}`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  ends.forEach(({ name, colour, y }, index) => {
    ctx.fillStyle = colour;
    ctx.strokeStyle = colour;
    drawLeader(ctx, [right, y], [right + size, labelYs[index]]);
    drawDot(ctx, right, y, size / 4);
    drawDot(ctx, right + size, labelYs[index], size / 4);
    ctx.fillStyle = style.getPropertyValue("--ink").trim();
    const start = right + NAME_START_EM * size;
    drawText(ctx, name, start, labelYs[index], textSize * LINE_HEIGHT);
  });
  ctx.restore();
}

/** Draw a text on its line. What its accents draw above or below the line is cut off. */
function drawText(ctx, text, x, y, height) {
  const width = ctx.canvas.width - x;
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y - height / 2, width, height);
  ctx.clip();
  ctx.fillText(shorten(ctx, text, width), x, y);
  ctx.restore();
}

/** Move positions apart, so that each is `height` below the one before and none below `bottom`. */
function spread(positions, height, bottom) {
  const movedDown = [];
  for (const y of positions) movedDown.push(Math.max(y, (movedDown.at(-1) ?? -Infinity) + height));
  let limit = bottom;
  return movedDown
    .reverse()
    .map((y) => {
      const movedUp = Math.min(y, limit);
      limit = movedUp - height;
      return movedUp;
    })
    .reverse();
}

/** Cut a text to a width in pixels, at the border of a character as users see it if the browser can. */
function shorten(ctx, text, width) {
  if (ctx.measureText(text).width <= width) return text;
  const characters = charactersOf(text);
  while (characters.length > 0 && ctx.measureText(`${characters.join("")}…`).width > width) characters.pop();
  // Isolated, so that the ellipsis is at the end of a name that is read from the right.
  return `\u2068${characters.join("").trimEnd()}…\u2069`;
}

function charactersOf(text) {
  if (Intl.Segmenter) {
    return [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
  }
  return [...text];
}

/** A thin line from the end of a score's line to its label. */
function drawLeader(ctx, from, to) {
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
}

function drawDot(ctx, x, y, radius) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fill();
}
