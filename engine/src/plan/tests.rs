use super::*;
use crate::geometry::Orientation;
use crate::source::{AudioInfo, VideoInfo};

const BT709: Colour = Colour {
    primaries: cicp::BT709,
    transfer: cicp::BT709,
    matrix: cicp::BT709,
    full_range: false,
    chroma: ChromaSite::LEFT,
};
const PQ: Colour =
    Colour { primaries: cicp::BT2020, transfer: cicp::PQ, matrix: cicp::BT2020, chroma: ChromaSite::TOP_LEFT, ..BT709 };

/// An ordinary film of this size.
pub(crate) fn source(width: u32, height: u32) -> SourceInfo {
    let size = Size { width, height };
    SourceInfo {
        name: "film.mkv".to_owned(),
        container: "matroska,webm".to_owned(),
        bytes: Some(1000),
        fingerprint: Some(Fingerprint { bytes: Some(1000), sha256: Sha256Hex::of(b"film") }),
        span: Span::default(),
        duration: Some(60.0),
        title: None,
        chapters: Vec::new(),
        video: VideoInfo {
            track: 1,
            stream: 0,
            codec: "h264".to_owned(),
            pixel_format: "yuv420p".to_owned(),
            stored: size,
            orientation: Orientation::UPRIGHT,
            upright: Upright { grid: size, sample_aspect: Rational::new(1, 1) },
            format: FrameFormat { width, height, subsampling: Subsampling::CS420, depth: Depth::Eight },
            colour: BT709,
            hdr: HdrMetadata::default(),
            time_base: Rational::new(1, 1000),
            frame_rate: Rational::new(25, 1),
            frames: None,
            depth: Depth::Eight,
            language: None,
            origin: 0,
        },
        audio: Vec::new(),
        audio_kept: None,
        audio_right: None,
        audio_copied: false,
        assumptions: Vec::new(),
        passed_over: Vec::new(),
    }
}

fn plan(source: &SourceInfo, options: &PlanOptions) -> Plan {
    Plan::new(source, options).unwrap()
}

fn cropped(source: &SourceInfo, crop: CropChoice) -> Window {
    plan(source, &PlanOptions { crop, ..PlanOptions::default() }).grid_window(0).unwrap()
}

#[test]
fn the_window_is_the_largest_and_stands_where_it_is_told() {
    let film = source(1920, 1080);
    let x = |crop| cropped(&film, crop).x;
    assert_eq!(x(CropChoice::Center), (1920.0 - 607.5) / 2.0);
    assert_eq!(x(CropChoice::Left), 0.0);
    assert_eq!(x(CropChoice::Right), 1920.0 - 607.5);
    assert_eq!(x(CropChoice::At(0.25)), 480.0 - 303.75);
    assert_eq!(x(CropChoice::At(0.99)), 1920.0 - 607.5);
    assert_eq!(cropped(&film, CropChoice::Center).height, 1080.0);
}

#[test]
fn a_vertical_picture_is_scaled_whole() {
    let whole = Window { x: 0.0, y: 0.0, width: 1080.0, height: 1920.0 };
    for crop in [CropChoice::Center, CropChoice::Left, CropChoice::Right] {
        assert_eq!(cropped(&source(1080, 1920), crop), whole);
    }
}

#[test]
fn wide_samples_narrow_the_window_on_the_grid() {
    let mut film = source(640, 360);
    film.video.upright.sample_aspect = Rational::new(2, 1);
    let window = cropped(&film, CropChoice::Right);
    assert_eq!((window.width, window.x + window.width), (101.25, 640.0));
}

#[test]
fn the_ladders_shape_is_the_windows() {
    let options = PlanOptions { ladder: "1080x1350".parse().unwrap(), ..PlanOptions::default() };
    let window = plan(&source(1920, 1080), &options).grid_window(0).unwrap();
    assert_eq!((window.width, window.height), (864.0, 1080.0));
}

#[test]
fn only_rungs_larger_than_the_window_are_upscaled() {
    let options = PlanOptions { ladder: "1080,720,608,540".parse().unwrap(), ..PlanOptions::default() };
    let upscaled: Vec<_> = plan(&source(1920, 1080), &options).rungs.iter().map(|rung| rung.upscaled).collect();
    assert_eq!(upscaled, [true, true, false, false], "608 is 607.5 rounded");
    let mut anamorphic = source(960, 1080);
    anamorphic.video.upright.sample_aspect = Rational::new(2, 1);
    let upscaled: Vec<_> = plan(&anamorphic, &options).rungs.iter().map(|rung| rung.upscaled).collect();
    assert_eq!(upscaled, [true; 4], "the window is 304 samples wide");
}

#[test]
fn depth_follows_the_source_unless_it_is_chosen() {
    let out = |depth, colour, choice| {
        let mut film = source(1920, 1080);
        (film.video.depth, film.video.colour) = (depth, colour);
        Plan::new(&film, &PlanOptions { depth: choice, ..PlanOptions::default() }).map(|plan| plan.video_out.depth)
    };
    for (depth, colour, choice, expected) in [
        (Depth::Eight, BT709, DepthChoice::Auto, Depth::Eight),
        (Depth::Ten, BT709, DepthChoice::Auto, Depth::Ten),
        (Depth::Twelve, BT709, DepthChoice::Auto, Depth::Ten),
        (Depth::Eight, PQ, DepthChoice::Auto, Depth::Ten),
        (Depth::Twelve, BT709, DepthChoice::Eight, Depth::Eight),
        (Depth::Eight, BT709, DepthChoice::Ten, Depth::Ten),
        (Depth::Ten, PQ, DepthChoice::Ten, Depth::Ten),
    ] {
        assert_eq!(out(depth, colour, choice).unwrap(), expected, "{depth:?} {choice:?}");
    }
    assert!(matches!(out(Depth::Ten, PQ, DepthChoice::Eight), Err(Error::NotInSource(_))));
}

#[test]
fn chroma_is_left_or_top_left_and_tags_stay() {
    let out = |colour| {
        let mut film = source(1920, 1080);
        film.video.colour = colour;
        plan(&film, &PlanOptions::default()).video_out.colour
    };
    let sited = |chroma| Colour { chroma, ..BT709 };
    assert_eq!(out(BT709), BT709);
    assert_eq!(out(PQ), PQ);
    assert_eq!(out(sited(ChromaSite::TOP_LEFT)), sited(ChromaSite::TOP_LEFT));
    assert_eq!(out(sited(ChromaSite::CENTRE)), BT709);
    assert_eq!(out(sited(ChromaSite { x: Siting::Start, y: Siting::End })), BT709);
    let wide = Colour { primaries: cicp::BT2020, ..BT709 };
    assert_eq!(out(wide), Colour { chroma: ChromaSite::TOP_LEFT, ..wide });
}

#[test]
fn what_is_out_of_range_is_named() {
    let default = PlanOptions::default;
    for (options, word) in [
        (PlanOptions { speed: 11, ..default() }, "speed 11"),
        (PlanOptions { quality: 101, ..default() }, "quality 101"),
        (PlanOptions { keyframe_interval: Rational::new(0, 1), ..default() }, "key frame interval 0"),
        (PlanOptions { keyframe_interval: Rational::new(-1, 2), ..default() }, "key frame interval -0.5"),
        (PlanOptions { crop: CropChoice::At(1.5), ..default() }, "crop 1.5"),
        (PlanOptions { crop: CropChoice::At(f64::NAN), ..default() }, "crop NaN"),
    ] {
        match Plan::new(&source(1920, 1080), &options) {
            Err(Error::Options(message)) => assert!(message.contains(word), "{message}"),
            other => panic!("{word}: {other:?}"),
        }
    }
}

#[test]
fn the_hash_knows_the_film_and_not_its_name() {
    let hash = |film: &SourceInfo, options: &PlanOptions| plan(film, options).hash().unwrap();
    let film = source(1920, 1080);
    let original = hash(&film, &PlanOptions::default());
    assert_eq!(
        hash(&SourceInfo { name: "/elsewhere/x".to_owned(), ..film.clone() }, &PlanOptions::default()),
        original
    );
    let other = SourceInfo {
        fingerprint: Some(Fingerprint { bytes: Some(1000), sha256: Sha256Hex::of(b"other") }),
        ..film.clone()
    };
    assert_ne!(hash(&other, &PlanOptions::default()), original);
    assert_ne!(hash(&film, &PlanOptions { quality: 61, ..PlanOptions::default() }), original);
    assert_ne!(hash(&film, &PlanOptions { crop: CropChoice::Left, ..PlanOptions::default() }), original);
}

#[test]
fn a_track_holds_each_window_until_the_next() {
    let mut plan = plan(&source(1920, 1080), &PlanOptions::default());
    let at = |frame, x| KeyPosition { frame, window: Window { x, y: 0.0, width: 607.5, height: 1080.0 } };
    plan.shots = vec![
        Shot { start: 0, end: Some(10), track: vec![at(0, 1.0), at(4, 2.0)] },
        Shot { start: 10, end: None, track: vec![at(10, 3.0)] },
    ];
    let xs: Vec<_> = [0, 3, 4, 9, 10, 1000].map(|frame| plan.grid_window(frame).unwrap().x).into();
    assert_eq!(xs, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
}

#[test]
fn the_json_is_what_the_documentation_says() {
    let mut film = source(1920, 1080);
    film.audio = vec![AudioInfo {
        track: 1,
        stream: 1,
        codec: "aac".to_owned(),
        sample_rate: 48000,
        channels: 2,
        language: None,
        title: None,
    }];
    (film.audio_kept, film.audio_copied) = (Some(0), true);
    film.assumptions = vec![Assumption {
        what: "range".into(),
        value: "limited".to_owned(),
        because: "the file does not say".to_owned(),
    }];
    let options = PlanOptions { ladder: "1080".parse().unwrap(), cores: 2, ..PlanOptions::default() };
    let colour = r#"{"primaries":1,"transfer":1,"matrix":1,"full_range":false,"chroma":{"x":"start","y":"centre"}}"#;
    let expected = [
        r#"{"version":1,"#,
        r#""source":{"fingerprint":{"bytes":1000,"sha256":""#,
        &Sha256Hex::of(b"film").to_string(),
        r#""},"container":"matroska,webm","duration":60.0,"video_stream":0,"span":{"start":null,"duration":null}},"#,
        r#""picture":{"grid":{"width":1920,"height":1080},"sample_aspect":"1/1"},"#,
        r#""shape":"9/16","#,
        r#""rungs":[{"size":{"width":1080,"height":1920},"level":8,"upscaled":true}],"#,
        r#""shots":[{"start":0,"end":null,"track":[{"frame":0,"window":"#,
        r#"{"x":656.25,"y":0.0,"width":607.5,"height":1080.0}}]}],"#,
        r#""key_frames":{"interval":"2/1","frames":null},"segments":{"key_frames":1},"#,
        r#""encoder":{"kind":"rav1e","speed":8,"quality":60,"threads":1,"options":[]},"#,
        r#""video_in":{"format":{"width":1920,"height":1080,"subsampling":{"x":2,"y":2},"depth":8},"colour":"#,
        colour,
        r#"},"video_out":{"depth":8,"colour":"#,
        colour,
        r#","hdr":{"mastering":null,"light":null},"time_base":"1/1000","frame_rate":"25/1"},"#,
        r#""audio":{"track":1,"codec":"aac","copied":true},"#,
        r#""assumptions":[{"what":"range","value":"limited","because":"the file does not say"}],"#,
        r#""passed_over":[]}"#,
    ]
    .concat();
    assert_eq!(plan(&film, &options).to_json().unwrap(), expected);
}
