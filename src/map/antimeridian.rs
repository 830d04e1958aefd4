//! Lines over the antimeridian.
//!
//! Owns: their cut, as RFC 7946 wants it.

/// A line's pieces, none of which crosses the antimeridian, as longitude and latitude. A step of more than half
/// the globe goes the other way round, and is cut where it crosses.
pub(super) fn cut(line: impl IntoIterator<Item = [f64; 2]>) -> Vec<Vec<[f64; 2]>> {
    let mut pieces: Vec<Vec<[f64; 2]>> = Vec::new();
    for here in line {
        let Some(piece) = pieces.last_mut() else {
            pieces.push(vec![here]);
            continue;
        };
        match piece.last().copied() {
            Some(before) if (here[0] - before[0]).abs() > 180.0 => {
                let edge = if before[0] > 0.0 { 180.0 } else { -180.0 };
                let (to_edge, past_edge) = ((edge - before[0]).abs(), (here[0] + edge).abs());
                let whole = to_edge + past_edge;
                let share = if whole > 0.0 { to_edge / whole } else { 0.5 };
                let latitude = before[1] + (here[1] - before[1]) * share;
                piece.push([edge, latitude]);
                pieces.push(vec![[-edge, latitude], here]);
            }
            _ => piece.push(here),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_where_it_crosses() {
        let whole = [[10.0, 1.0], [20.0, 2.0], [-30.0, 3.0]];
        assert_eq!(cut(whole), [whole]);
        let east = cut([[179.0, 0.0], [-179.0, 2.0]]);
        assert_eq!(east, [[[179.0, 0.0], [180.0, 1.0]], [[-180.0, 1.0], [-179.0, 2.0]]]);
        let west = cut([[-179.0, 0.0], [177.0, 4.0]]);
        assert_eq!(west, [[[-179.0, 0.0], [-180.0, 1.0]], [[180.0, 1.0], [177.0, 4.0]]]);
        assert!(cut([]).is_empty());
        assert_eq!(cut([[180.0, 0.0], [-180.0, 2.0]]).len(), 2);
    }
}
