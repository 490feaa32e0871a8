// A chart on a canvas, in the colours of the page. Its names and numbers stand in a table beside it, for all readers.

import { BarChart, BoxplotChart, CustomChart, ScatterChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import { init, use as register, type EChartsCoreOption, type EChartsType } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

register([BarChart, BoxplotChart, CustomChart, ScatterChart, GridComponent, TooltipComponent, CanvasRenderer]);

export type Drawing = EChartsCoreOption;

export interface Palette {
  text: string;
  muted: string;
  line: string;
  surface: string;
}

export interface Point {
  series: number;
  at: number;
}

export interface ChartProps {
  /** What is drawn; called anew for every change of colours. */
  draw: (palette: Palette) => Drawing;
  /** Lines under the pointer; text, never HTML. */
  hover?: ((point: Point) => string[]) | undefined;
  open?: ((point: Point) => void) | undefined;
  label: string;
  height: number;
}

const PAPER_WIDTH = 720; // px of a page of A4 between its margins
const PAPER: Palette = { text: "#000000", muted: "#444444", line: "#bbbbbb", surface: "#ffffff" };

let last: Promise<void> = Promise.resolve();

/** One chart after the other: all at once would block the page. */
function inTurn(work: () => Promise<void>): void {
  last = last.then(() => new Promise<void>((resolve) => setTimeout(resolve))).then(work, work);
}

export function Chart({ draw, hover, open, label, height }: ChartProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const calls = useRef({ draw, hover, open });
  calls.current = { draw, hover, open };
  const chart = useRef<EChartsType | null>(null);

  useEffect(() => {
    const element = box.current as HTMLDivElement;
    const made = init(element, null, { renderer: "canvas", height });
    chart.current = made;
    made.on("click", (event) => {
      if (event.dataIndex !== undefined) calls.current.open?.({ series: event.seriesIndex ?? 0, at: event.dataIndex });
    });
    let width = element.clientWidth;
    const sized = new ResizeObserver(() => {
      if (element.clientWidth === width || element.clientWidth === 0) return;
      width = element.clientWidth;
      made.resize({ height });
    });
    sized.observe(element);
    const recolour = () => paint(made, element, calls.current);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", recolour);
    const toggled = new MutationObserver(recolour);
    toggled.observe(document.documentElement, { attributes: true });
    const print = () => element.append(onPaper(element, calls.current.draw, height));
    const unprint = () => element.querySelectorAll(".paper").forEach((picture) => picture.remove());
    addEventListener("beforeprint", print);
    addEventListener("afterprint", unprint);
    return () => {
      sized.disconnect();
      toggled.disconnect();
      dark.removeEventListener("change", recolour);
      removeEventListener("beforeprint", print);
      removeEventListener("afterprint", unprint);
      made.dispose();
      chart.current = null;
    };
  }, [height]);

  useEffect(() => {
    let isCurrent = true;
    inTurn(async () => {
      const made = chart.current;
      const element = box.current; // null once the view has gone, which may be before effects are undone
      if (!isCurrent || made === null || element === null) return;
      const finished = new Promise<void>((resolve) => {
        made.on("finished", () => resolve());
        setTimeout(resolve, 500); // a chart out of sight may never say so
      });
      paint(made, element, calls.current);
      await finished;
    });
    return () => {
      isCurrent = false;
    };
  }, [draw, height]);

  return <div class="chart" ref={box} role="img" aria-label={label} style={{ height: `${height}px` }} />;
}

/** A picture for printing, which the stylesheet shows in place of the chart: whole at once, and on white. */
function onPaper(element: HTMLElement, draw: ChartProps["draw"], height: number): HTMLCanvasElement {
  const chart = init(document.createElement("div"), null, { renderer: "canvas", width: PAPER_WIDTH, height });
  const { series, ...option } = draw(PAPER) as { series: object[] };
  chart.setOption({
    animation: false,
    textStyle: { color: PAPER.text, fontFamily: getComputedStyle(element).fontFamily },
    ...option,
    series: series.map((one) => ({ ...one, progressive: 0 })), // else most points would be drawn later
  });
  const picture = chart.renderToCanvas({ pixelRatio: 2, backgroundColor: PAPER.surface });
  picture.className = "paper";
  picture.removeAttribute("style"); // it would lie over what follows
  chart.dispose();
  return picture;
}

function paint(
  chart: EChartsType,
  element: HTMLElement,
  { draw, hover, open }: Pick<ChartProps, "draw" | "hover" | "open">,
): void {
  const palette = paletteOf(element);
  const option = draw(palette);
  chart.setOption(
    {
      animation: false,
      textStyle: { color: palette.text, fontFamily: getComputedStyle(element).fontFamily },
      ...option,
      tooltip: {
        show: hover !== undefined,
        trigger: "item",
        confine: true,
        backgroundColor: palette.surface,
        borderColor: palette.muted,
        textStyle: { color: palette.text },
        transitionDuration: 0,
        formatter: (at: { seriesIndex?: number; dataIndex: number }) =>
          lines(hover?.({ series: at.seriesIndex ?? 0, at: at.dataIndex }) ?? []),
      },
    },
    { notMerge: true },
  );
  element.style.cursor = open === undefined ? "" : "default";
}

/** Text as text: names and ids may hold anything. */
function lines(texts: string[]): HTMLElement {
  const element = document.createElement("div");
  for (const text of texts) {
    const line = document.createElement("div");
    line.dir = "auto";
    line.textContent = text;
    element.append(line);
  }
  return element;
}

/** The page's colours as the canvas needs them: computed, not as variables. */
function paletteOf(element: HTMLElement): Palette {
  const style = getComputedStyle(element);
  return {
    text: style.color,
    muted: style.outlineColor,
    line: style.borderTopColor,
    surface: style.backgroundColor,
  };
}

export function axis(name: string, palette: Palette, more: object = {}): object {
  return {
    type: "value",
    name,
    nameLocation: "middle",
    nameGap: 28,
    nameTextStyle: { color: palette.text },
    axisLabel: { color: palette.text },
    axisLine: { lineStyle: { color: palette.muted } },
    splitLine: { lineStyle: { color: palette.line } },
    scale: true,
    ...more,
  };
}
