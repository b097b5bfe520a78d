//! Job templates and presets: what a job does not say itself.

use serde_json::Value;

/// Puts `over` over `under`: objects member by member, lists item by item, the rest replaced.
pub(super) fn over(under: &Value, over_it: &Value) -> Value {
    match (under, over_it) {
        (_, Value::Null) => under.clone(),
        (Value::Object(lower), Value::Object(upper)) => {
            let mut merged = lower.clone();
            for (name, value) in upper {
                let below = lower.get(name).unwrap_or(&Value::Null);
                merged.insert(name.clone(), over(below, value));
            }
            Value::Object(merged)
        }
        (Value::Array(lower), Value::Array(upper)) => {
            let longer = lower.len().max(upper.len());
            let item = |list: &[Value], at: usize| list.get(at).cloned().unwrap_or(Value::Null);
            (0..longer).map(|at| over(&item(lower, at), &item(upper, at))).collect()
        }
        _ => over_it.clone(),
    }
}

/// Replaces the presets that outputs name by their settings. What an output says itself counts more.
///
/// # Errors
/// The name of a preset that `find` does not know.
pub(super) fn with_presets(
    settings: &Value,
    find: impl Fn(&str) -> Option<Value>,
) -> Result<Value, String> {
    let mut settings = settings.clone();
    let groups = settings.get_mut("outputGroups").and_then(Value::as_array_mut);
    for group in groups.into_iter().flatten() {
        let outputs = group.get_mut("outputs").and_then(Value::as_array_mut);
        for output in outputs.into_iter().flatten() {
            let Some(fields) = output.as_object_mut() else { continue };
            let Some(Value::String(name)) = fields.remove("preset") else { continue };
            let preset = find(&name).ok_or(name)?;
            *output = over(&preset, output);
        }
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_counts_more_than_its_template() {
        let template = json!({
            "timecodeConfig": {"source": "ZEROBASED"},
            "outputGroups": [{
                "outputGroupSettings": {"type": "FILE_GROUP_SETTINGS"},
                "outputs": [{"nameModifier": "_a"}, {"nameModifier": "_b"}],
            }],
        });
        let job = json!({
            "inputs": [{"fileInput": "s3://b/k"}],
            "outputGroups": [{"outputGroupSettings": {"fileGroupSettings": {"destination": "s3://o/"}}}],
        });
        let expected = json!({
            "timecodeConfig": {"source": "ZEROBASED"},
            "inputs": [{"fileInput": "s3://b/k"}],
            "outputGroups": [{
                "outputGroupSettings": {
                    "type": "FILE_GROUP_SETTINGS",
                    "fileGroupSettings": {"destination": "s3://o/"},
                },
                "outputs": [{"nameModifier": "_a"}, {"nameModifier": "_b"}],
            }],
        });
        assert_eq!(over(&template, &job), expected);
    }

    #[test]
    fn a_preset_is_filled_in_by_name() {
        let job =
            json!({"outputGroups": [{"outputs": [{"preset": "mine", "nameModifier": "_p"}]}]});
        let preset = json!({"containerSettings": {"container": "MP4"}});
        let filled = with_presets(&job, |name| (name == "mine").then(|| preset.clone()));
        let output = json!({"containerSettings": {"container": "MP4"}, "nameModifier": "_p"});
        assert_eq!(filled, Ok(json!({"outputGroups": [{"outputs": [output]}]})));
        assert_eq!(with_presets(&job, |_| None), Err("mine".to_owned()));
    }
}
