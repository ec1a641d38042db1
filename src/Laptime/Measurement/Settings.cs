using System.Globalization;
using Laptime.Workspaces.Yaml;

namespace Laptime.Measurement;

/// <summary>laptime.yaml as a flat list of settings, for telling what changed between two of them. Names as a reader would say them: a step by its name, not by its place.</summary>
public static class Settings
{
    /// <summary><c>components.gateway.build.steps.lint.run</c> → its text as written (nothing in <c>${...}</c> is resolved, so no secret is in it).</summary>
    public static IReadOnlyDictionary<string, string> Flatten(string yaml)
    {
        var flat = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (YamlReader.Read(yaml, new ProblemList("laptime.yaml"), foreign: true) is { } root)
        {
            Add(root, "");
        }

        return flat;

        void Add(YamlNode node, string path)
        {
            switch (node.Kind)
            {
                case YamlKind.Map:
                    foreach (var (key, value) in node.Entries)
                    {
                        Add(value, Join(path, key.Text));
                    }

                    break;
                case YamlKind.List:
                    for (var i = 0; i < node.Items.Count; i++)
                    {
                        var item = node.Items[i];
                        Add(item, Join(path, item.Find("name") is { Kind: YamlKind.Scalar } name ? name.Text : (i + 1).ToString(CultureInfo.InvariantCulture)));
                    }

                    break;
                case YamlKind.Scalar:
                    flat[path] = node.Text;
                    break;
            }
        }

        static string Join(string path, string name) => path.Length == 0 ? name : path + "." + name;
    }

    /// <summary>The thing a setting belongs to: all changes of one step, of one component's probes, of one profile are one change.</summary>
    /// <param name="path">A key of <see cref="Flatten"/>.</param>
    /// <param name="whole">Components that are on one side only.</param>
    internal static string Thing(string path, IReadOnlySet<string> whole)
    {
        var parts = path.Split('.');
        return parts switch
        {
            ["components", var c, ..] when whole.Contains(c) => $"component {c}",
            ["components", var c, "build", "steps", var step, ..] => $"step {step} of {c}",
            ["components", var c, var key, ..] => $"{key} of {c}",
            ["environments", var e, ..] => $"environment {e}",
            ["profiles", var p, ..] => $"profile {p}",
            [var key, ..] => key,
            [] => "laptime.yaml",
        };
    }

    /// <summary>Settings that may hold what nobody should read in a report.</summary>
    internal static bool IsPrivate(string path) => path.Contains(".env.", StringComparison.Ordinal) || path.Contains(".vars.", StringComparison.Ordinal) || path.EndsWith(".database", StringComparison.Ordinal);
}
