using System.Globalization;
using System.Text.RegularExpressions;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces;

/// <summary>`environments.NAME.guardrails`.</summary>
internal sealed partial class GuardrailBinder(ValueBinder values, PathRule paths, string root)
{
    public static readonly string[] Names = [.. Enum.GetNames<GuardrailName>().Select(static n => n.ToLowerInvariant())];

    private static readonly string[] Days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    private ProblemList Problems => values.Problems;

    public GuardrailSettings Read(Field field, Loop loop)
    {
        if (Fields.Of(field.Value, field.KeyNode, "`guardrails`", WorkspaceKeys.Guardrails, Problems) is not { } fields)
        {
            return GuardrailSettings.Default;
        }

        if (loop != Loop.Safe)
        {
            Problems.Add(field.KeyNode, "`guardrails` are the safe loop's", "write `loop: safe`, or remove them");
        }

        return new GuardrailSettings
        {
            From = values.Name(fields["from"]),
            Builders = values.Texts(fields["builders"], (node, key) => values.Text(node, key, new KeyType.Text())),
            Review = fields["review"] is { } review ? Review(review) : null,
            Freeze = [.. values.Items(fields["freeze"]).Select(Window).OfType<FreezeWindow>()],
            Rollouts = values.Integer(fields["rollouts"]),
            RollbackAge = values.Span(fields["rollback-age"]),
            ReportOnly = Set(fields["report-only"]),
            Overridable = Set(fields["override"]),
        };
    }

    private HashSet<GuardrailName> Set(Field? field)
    {
        var type = new KeyType.Choice(Names);
        return [.. values.Items(field).Select(item => values.Choice(item, field!.Name, type)).OfType<int>().Select(static i => (GuardrailName)i)];
    }

    private ReviewSettings? Review(Field field)
    {
        if (Fields.Of(field.Value, field.KeyNode, "`review`", WorkspaceKeys.Review, Problems) is not { } fields)
        {
            return null;
        }

        var by = values.Choice(fields["by"]) is { } chosen ? (ReviewEvidence)chosen : ReviewEvidence.Git;
        var command = new CommandBinder(values, TemplateScope.Environment, null, []).Command(fields["command"]);
        // ${commit} is the only name that is known here, and not before there is a commit.
        var file = fields["file"] is { } given && values.Scalar(given.Value, given.Name, given.Key.Type, given.Key.Example) is { } text
            ? paths.Path(new YamlNode(YamlKind.Scalar, text.Line, text.Column, text.Start) { Text = text.Text.Replace("${commit}", "COMMIT", StringComparison.Ordinal) }, "file", root) : null;
        Needs(fields, "command", by == ReviewEvidence.Command, "`by: command`", "command: ./ops/reviewed.sh");
        Needs(fields, "file", by == ReviewEvidence.Attestation, "`by: attestation`", "file: \"reviews/${commit}.json\"");
        return new ReviewSettings(by, values.Switch(fields["self"]) ?? false, command, file?.Replace("COMMIT", "${commit}", StringComparison.Ordinal));
    }

    private void Needs(Fields fields, string key, bool wanted, string with, string example)
    {
        if (wanted && fields[key] is null)
        {
            Problems.Add(fields.Node, $"{with} needs `{key}`", $"`{example}`");
        }
        else if (!wanted && fields[key] is { } extra)
        {
            Problems.Add(extra.KeyNode, $"`{key}` has only a meaning with {with}", "remove it");
        }
    }

    private FreezeWindow? Window(YamlNode item)
    {
        if (Fields.Of(item, item, "a freeze window", WorkspaceKeys.Freeze, Problems) is not { } fields)
        {
            return null;
        }

        var zone = Zone(fields["zone"]);
        var name = values.Text(fields["name"]) ?? "freeze";
        var (from, until) = (Moment(fields["from"]), Moment(fields["until"], isEnd: true));
        if (fields["weekly"] is { } weekly)
        {
            if ((fields["from"] ?? fields["until"]) is { } both)
            {
                Problems.Add(both.KeyNode, $"`{both.Name}` and `weekly` are two windows", "write two items");
            }

            return Weekly(weekly) is var (start, end) && zone is not null ? new FreezeWindow.Weekly(name, zone, start, end) : null;
        }

        if (fields["from"] is null || fields["until"] is null)
        {
            Problems.Add(item, "a freeze window is `from` and `until`, or `weekly`", "`{ from: 2026-12-20, until: 2027-01-02 }` or `{ weekly: \"Fri 16:00 - Mon 08:00\" }`");
            return null;
        }

        if (from >= until)
        {
            Problems.Add(fields["until"]!.Value, "the window ends before it begins", "`until` is later than `from`");
            return null;
        }

        return from is { } begin && until is { } stop && zone is not null ? new FreezeWindow.Once(name, zone, begin, stop) : null;
    }

    private TimeZoneInfo? Zone(Field? field)
    {
        if (field is null)
        {
            return TimeZoneInfo.Utc;
        }

        if (values.Text(field) is not { } text)
        {
            return null;
        }

        if (TimeZoneInfo.TryFindSystemTimeZoneById(text, out var zone))
        {
            return zone;
        }

        Problems.Add(field.Value, $"`{ProblemList.Short(text)}` is no time zone that this machine knows", "a name such as `Europe/Berlin` or `UTC` (is the package tzdata installed?)");
        return null;
    }

    /// <summary>A day, or a day and a time, by the window's own clock. A day ends with its last minute.</summary>
    private DateTime? Moment(Field? field, bool isEnd = false)
    {
        if (field is null || values.Text(field) is not { } text)
        {
            return null;
        }

        if (DateTime.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day))
        {
            return isEnd ? day.AddDays(1) : day;
        }

        if (DateTime.TryParseExact(text, ["yyyy-MM-dd HH:mm", "yyyy-MM-dd'T'HH:mm"], CultureInfo.InvariantCulture, DateTimeStyles.None, out var time))
        {
            return time;
        }

        Problems.Add(field.Value, $"`{ProblemList.Short(text)}` is no day and no time", "`2026-12-20` or `2026-12-20 18:00`");
        return null;
    }

    private (int Start, int End)? Weekly(Field field)
    {
        if (values.Text(field) is not { } text)
        {
            return null;
        }

        if (WeeklyForm().Match(text) is { Success: true } match && At(match, 1) is { } start && At(match, 4) is { } end && start != end)
        {
            return (start, end);
        }

        Problems.Add(field.Value, $"`{ProblemList.Short(text)}` is no time of the week", "`Fri 16:00 - Mon 08:00`");
        return null;
    }

    private static int? At(Match match, int group) =>
        Array.IndexOf(Days, match.Groups[group].Value.ToLowerInvariant()) is >= 0 and var day
        && int.Parse(match.Groups[group + 1].Value, CultureInfo.InvariantCulture) is <= 23 and var hour && int.Parse(match.Groups[group + 2].Value, CultureInfo.InvariantCulture) is <= 59 and var minute
            ? (day * 24 * 60) + (hour * 60) + minute : null;

    [GeneratedRegex("^\\s*([A-Za-z]{3}) ([0-9]{1,2}):([0-9]{2})\\s*-\\s*([A-Za-z]{3}) ([0-9]{1,2}):([0-9]{2})\\s*$", RegexOptions.CultureInvariant)]
    private static partial Regex WeeklyForm();
}
