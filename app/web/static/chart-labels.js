/** Each line's end: a dot in its colour, and the player's name, none over another. */

const LINE_HEIGHT = 1.25;

/** `series` in the board's order, as ScoreHistory has them; drawn over uPlot's canvas. */
export function drawLabels(plot, series, colours, style) {
  const { ctx, bbox } = plot;
  const size = parseFloat(style.fontSize) * devicePixelRatio;
  const right = bbox.left + bbox.width;
  const ends = series.map(({ userId, displayName, points }) => ({
    name: displayName,
    colour: style.getPropertyValue(`--series-${colours.of(userId)}`).trim(),
    y: plot.valToPos(points.at(-1).score, "y", true),
  }));
  const places = spread(ends.map(({ y }) => y), size * LINE_HEIGHT, bbox.top + bbox.height);
  ctx.save();
  ctx.font = `${size}px ${style.fontFamily}`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  ends.forEach(({ name, colour, y }, index) => {
    ctx.fillStyle = colour;
    dot(ctx, right, y, size / 4);
    dot(ctx, right + size, places[index], size / 4);
    ctx.fillStyle = style.getPropertyValue("--ink").trim();
    const start = right + 1.5 * size;
    ctx.fillText(fitting(ctx, name, ctx.canvas.width - start), start, places[index]);
  });
  ctx.restore();
}

/** Places from the top down, each at least `height` below the one before and none below `bottom`. */
function spread(places, height, bottom) {
  const down = [];
  for (const place of places) down.push(Math.max(place, (down.at(-1) ?? -Infinity) + height));
  let limit = bottom;
  return down
    .toReversed()
    .map((place) => {
      const fits = Math.min(place, limit);
      limit = fits - height;
      return fits;
    })
    .toReversed();
}

function fitting(ctx, text, width) {
  if (ctx.measureText(text).width <= width) return text;
  const letters = [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
  while (letters.length > 0 && ctx.measureText(`${letters.join("")}…`).width > width) letters.pop();
  return `${letters.join("").trimEnd()}…`;
}

function dot(ctx, x, y, radius) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fill();
}
