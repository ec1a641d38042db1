namespace Laptime.Tests.Reports.GitHub;

/// <summary>How actions/runner reads a line (ActionCommand.TryParseV2): the reference for what a command is.</summary>
internal static class ActionsRunner
{
    public static (string Name, IReadOnlyDictionary<string, string> Properties, string Data)? Read(string line)
    {
        line = line.TrimStart();
        var end = line.StartsWith("::", StringComparison.Ordinal) ? line.IndexOf("::", 2, StringComparison.Ordinal) : -1;
        if (end < 0)
        {
            return null;
        }

        var head = line[2..end];
        var space = head.IndexOf(' ');
        var properties = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var property in space < 0 ? [] : head[(space + 1)..].Trim().Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (property.Split('=', 2, StringSplitOptions.RemoveEmptyEntries) is [var name, var value])
            {
                properties[name] = value.Replace("%0D", "\r").Replace("%0A", "\n").Replace("%3A", ":").Replace("%2C", ",").Replace("%25", "%");
            }
        }

        return (space < 0 ? head : head[..space], properties, line[(end + 2)..].Replace("%0D", "\r").Replace("%0A", "\n").Replace("%25", "%"));
    }

    /// <summary>The older form (ActionCommand.TryParse): anywhere in a line.</summary>
    public static bool IsOldCommand(string line) => line.IndexOf("##[", StringComparison.Ordinal) is >= 0 and var at && line.IndexOf(']', at) >= 0;

    /// <summary>Whether any line of a log is a command.</summary>
    public static bool FindsOne(string log) => log.Split('\n', '\r').Any(l => Read(l) is not null || IsOldCommand(l));
}
