//! The figures as a picture: SVG, a bar for each median and a line from the least to the most.

use super::figures::{Better, Figure};

const WIDTH: f64 = 960.0;
const LABELS: f64 = 470.0;
const BARS: f64 = 380.0;
const ROW: f64 = 24.0;

/// Draws the figures, those of which more is better above, those of which less is better below.
pub fn svg(title: &str, figures: &[Figure]) -> String {
    let groups = [(Better::More, "more is better"), (Better::Less, "less is better")];
    let (mut body, mut y) = (String::new(), 40.0);
    for (better, caption) in groups {
        let figures: Vec<_> = figures.iter().filter(|figure| figure.better == better).collect();
        if figures.is_empty() {
            continue;
        }
        let farthest = figures.iter().map(|figure| figure.most.max(figure.target.unwrap_or(0.0))).fold(1.0, f64::max);
        let scale = BARS / farthest;
        y += ROW;
        body += &format!("<text x='{LABELS}' y='{y}' class='caption'>{caption}</text>\n");
        let top = y + 6.0;
        for figure in figures {
            y += ROW;
            body += &row(figure, y, scale);
        }
        let one = LABELS + scale;
        body += &format!("<line x1='{one}' x2='{one}' y1='{top}' y2='{}' class='one'/>\n", y + 8.0);
        y += ROW;
    }
    let (height, title) = (y + ROW, escape(title));
    let note = "Bar: median. Line: least to most. Red: target. Dashed: 1.";
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height}' viewBox='0 0 {WIDTH} {height}' font-family='sans-serif' font-size='12'>\n\
         <style>.caption{{font-weight:bold}} .bar{{fill:#7aa6c2}} .spread{{stroke:#222;stroke-width:2}} \
         .target{{stroke:#c0392b;stroke-width:2}} .one{{stroke:#888;stroke-dasharray:3 3}} .label{{text-anchor:end}}</style>\n\
         <rect width='100%' height='100%' fill='white'/>\n\
         <text x='12' y='24' font-size='15' font-weight='bold'>{title}</text>\n\
         <text x='12' y='42'>{note}</text>\n{body}</svg>\n"
    )
}

fn row(figure: &Figure, y: f64, scale: f64) -> String {
    let Figure { name, median, least, most, target, .. } = figure;
    let x = |value: &f64| LABELS + value * scale;
    let (width, middle) = (median * scale, y - 4.0);
    let mut row = format!("<text x='{}' y='{y}' class='label'>{}</text>", LABELS - 8.0, escape(name));
    row += &format!("<rect x='{LABELS}' y='{}' width='{width:.1}' height='14' class='bar'/>", y - 11.0);
    row += &format!("<line x1='{:.1}' x2='{:.1}' y1='{middle}' y2='{middle}' class='spread'/>", x(least), x(most));
    if let Some(target) = target {
        let x = x(target);
        row += &format!("<line x1='{x:.1}' x2='{x:.1}' y1='{}' y2='{}' class='target'/>", y - 13.0, y + 5.0);
    }
    row + &format!("<text x='{}' y='{y}'>{median:.2}</text>\n", LABELS + BARS + 16.0)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_a_bar_as_long_as_its_median() {
        let figure = |name: &str, better, median| Figure::new(name, better, Some(2.0), vec![median]).unwrap();
        let figures = [figure("a < b", Better::More, 1.0), figure("c", Better::Less, 0.5)];
        let drawn = svg("a machine", &figures);
        assert_eq!(drawn.matches("class='bar'").count(), 2);
        assert!(drawn.contains("a &lt; b") && drawn.contains("a machine"));
        // Both axes end at the target, 2.
        assert!(drawn.contains("width='190.0'") && drawn.contains("width='95.0'"), "{drawn}");
    }
}
