use crate::error::Result;
use crate::model::*;
pub(crate) fn frame_map(_o: &Technical, _p: &Technical) -> Result<FrameMap> {
    unimplemented!()
}
