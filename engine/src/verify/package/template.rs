//! Segment files as manifests of DASH name them: by a template, and a line of their times (ISO/IEC 23009-1, 5.3.9).

use roxmltree::Node;

/// Segments of a representation that are taken for too many.
const MOST: usize = 1_000_000;

/// The files of a representation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TemplateFiles {
    /// That of the header.
    pub(super) header: String,
    /// Ticks a second of the times.
    pub(super) timescale: u32,
    pub(super) segments: Vec<SegmentFile>,
}

/// A segment file: when it begins and what it lasts, in ticks of presentation time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SegmentFile {
    pub(super) file: String,
    pub(super) start: u64,
    pub(super) lasts: u64,
}

/// Lists the files that a template names; none where there is no template.
///
/// # Errors
/// What of it cannot be read.
pub(super) fn files(set: Node<'_, '_>, representation: Node<'_, '_>) -> Result<Option<TemplateFiles>, String> {
    let template = children(representation, "SegmentTemplate").chain(children(set, "SegmentTemplate")).next();
    let Some(template) = template else { return Ok(None) };
    let number = |name: &str, default: u64| match template.attribute(name) {
        Some(text) => text.parse::<u64>().map_err(|_| format!("{name} is {text}")),
        None => Ok(default),
    };
    let text = |name: &str| template.attribute(name).ok_or(format!("its SegmentTemplate has no {name}"));
    let timescale = u32::try_from(number("timescale", 1)?).ok().filter(|&scale| scale > 0);
    let timescale = timescale.ok_or("its timescale is out of range")?;
    let timeline = children(template, "SegmentTimeline").next().ok_or("its SegmentTemplate has no SegmentTimeline")?;
    let named = Named { id: representation.attribute("id"), bandwidth: representation.attribute("bandwidth") };
    let offset = number("presentationTimeOffset", 0)?;
    let (media, mut count, mut at) = (text("media")?, number("startNumber", 1)?, 0);
    let mut segments = Vec::new();
    for run in children(timeline, "S") {
        let ticks =
            |name: &str| run.attribute(name).map(|text| text.parse::<u64>().map_err(|_| format!("{name}={text}")));
        at = ticks("t").transpose()?.unwrap_or(at);
        let lasts = ticks("d").transpose()?.ok_or("a segment without a duration")?;
        for _ in 0..=ticks("r").transpose()?.unwrap_or(0) {
            if segments.len() == MOST {
                return Err(format!("it has more than {MOST} segments"));
            }
            let file = named.name(media, Some((count, at)))?;
            segments.push(SegmentFile { file, start: at.saturating_sub(offset), lasts });
            (count, at) = (count + 1, at.checked_add(lasts).ok_or("its times are out of range")?);
        }
    }
    Ok(Some(TemplateFiles { header: named.name(text("initialization")?, None)?, timescale, segments }))
}

/// What names of files may be made of.
struct Named<'a> {
    id: Option<&'a str>,
    bandwidth: Option<&'a str>,
}

impl Named<'_> {
    /// Fills a template in, for a segment of this number and time.
    fn name(&self, template: &str, segment: Option<(u64, u64)>) -> Result<String, String> {
        let mut name = String::new();
        for (place, part) in template.split('$').enumerate() {
            if place % 2 == 0 {
                name.push_str(part);
                continue;
            }
            let (kind, width) = match part.split_once("%0") {
                Some((kind, width)) => (kind, width.strip_suffix('d').and_then(|width| width.parse::<usize>().ok())),
                None => (part, Some(1)),
            };
            let width = width.filter(|width| (1..=20).contains(width));
            let value = match kind {
                "" => Some("$".to_owned()),
                "RepresentationID" => self.id.map(str::to_owned),
                "Bandwidth" => self.bandwidth.map(str::to_owned),
                "Number" => segment.map(|(number, _)| number.to_string()),
                "Time" => segment.map(|(_, time)| time.to_string()),
                _ => None,
            };
            match value.zip(width) {
                Some((value, width)) => name.push_str(&format!("{value:0>width$}")),
                None => return Err(format!("a template {template}")),
            }
        }
        if template.matches('$').count().is_multiple_of(2) { Ok(name) } else { Err(format!("a template {template}")) }
    }
}

/// The elements of this name right inside another.
pub(super) fn children<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use roxmltree::Document;

    fn read(template: &str) -> Result<Option<TemplateFiles>, String> {
        let text = format!("<Set><Representation id='v' bandwidth='9'>{template}</Representation></Set>");
        let document = Document::parse(&text).unwrap();
        let set = document.root_element();
        files(set, children(set, "Representation").next().unwrap())
    }

    #[test]
    fn templates_name_files_with_their_times() {
        let line = "<SegmentTimeline><S t='5' d='10'/><S d='20' r='1'/></SegmentTimeline>";
        let head = "<SegmentTemplate timescale='10' initialization='$RepresentationID$/i-$Bandwidth$'";
        let of = |media: &str| read(&format!("{head} media='{media}'>{line}</SegmentTemplate>"));
        let found = of("$RepresentationID$/$Number%03d$-$Time$.m4s").unwrap().unwrap();
        let segment = |file: &str, start, lasts| SegmentFile { file: file.to_owned(), start, lasts };
        let segments =
            [segment("v/001-5.m4s", 5, 10), segment("v/002-15.m4s", 15, 20), segment("v/003-35.m4s", 35, 20)];
        assert_eq!((&*found.header, found.timescale, &found.segments[..]), ("v/i-9", 10, &segments[..]));
        assert_eq!(of("$$$Number$").unwrap().unwrap().segments[0].file, "$1");
        assert_eq!(read("<SegmentBase/>"), Ok(None));
        for media in ["$Number", "$Nummer$", "$Number%d$", "$Number%099d$"] {
            assert!(of(media).is_err(), "{media}");
        }
        for wrong in ["<S d='x'/>", "<S t='1'/>", "<S d='1' r='-1'/>", "<S d='1' r='9999999'/>"] {
            let line = format!("<SegmentTimeline>{wrong}</SegmentTimeline>");
            assert!(read(&format!("{head} media='$Number$'>{line}</SegmentTemplate>")).is_err(), "{wrong}");
        }
    }
}
