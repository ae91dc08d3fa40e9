//! Measures what moves and what stands out, for shots without people.

use super::document::Activity;
use super::tiny::TinyPicture;

/// Weight that a place at the picture's edge lacks against one in the middle.
const AT_THE_EDGE: f32 = 0.5;

/// Looks at two pictures of consecutive frames, the camera's motion taken out.
pub(super) fn activity(time: i64, before: &TinyPicture, here: &TinyPicture) -> Activity {
    let cells = here.cells(before);
    let (mut moving, mut salient) = (Centre::default(), Centre::default());
    let mut contrast = 0.0;
    for cell in &cells {
        let middle = 1.0 - AT_THE_EDGE * (2.0 * cell.x - 1.0).abs();
        moving.add(cell.x, cell.y, cell.motion * cell.motion);
        contrast += cell.contrast;
        salient.add(cell.x, cell.y, (cell.contrast + cell.colour).powi(2) * middle);
    }
    let motion: f32 = cells.iter().map(|cell| cell.motion).sum();
    Activity {
        time,
        moving: moving.place(),
        motion: whole(if contrast > 0.0 { motion / contrast } else { 0.0 }),
        salient: salient.place(),
    }
}

#[derive(Debug, Default)]
struct Centre {
    x: f32,
    y: f32,
    weight: f32,
}

impl Centre {
    fn add(&mut self, x: f32, y: f32, weight: f32) {
        self.x += x * weight;
        self.y += y * weight;
        self.weight += weight;
    }

    /// In thousandths; the middle where there is nothing.
    fn place(&self) -> [i32; 2] {
        if self.weight <= 0.0 { [500, 500] } else { [whole(self.x / self.weight), whole(self.y / self.weight)] }
    }
}

fn whole(part: f32) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "a part of 1, or a few times that")]
    let whole = (part * 1000.0).round() as i32;
    whole
}
