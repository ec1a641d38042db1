using Laptime.Workspaces;
using Laptime.Workspaces.Yaml;

namespace Laptime.Recipes.Reading;

/// <summary>Keys that readers of YAML 1.1 (docker commands before 25 among them) take for true or false: they refuse such a key without saying which, or lose it.</summary>
internal static class YamlTruths
{
    private static readonly string[] Words = ["y", "yes", "n", "no", "on", "off", "true", "false"];

    public static bool Is(YamlNode key) => key is { Kind: YamlKind.Scalar, Plain: true } && Words.Contains(key.Text, StringComparer.OrdinalIgnoreCase);

    /// <summary>Each in a sentence with its place.</summary>
    /// <param name="file">A compose file that was read: it is there, and is YAML.</param>
    public static IEnumerable<string> Keys(string file)
    {
        var problems = new ProblemList(WorkspaceFile.Shown(file));
        var (told, seen) = (new List<string>(), new HashSet<YamlNode>(ReferenceEqualityComparer.Instance));
        if (YamlReader.Read(WorkspaceFile.ReadText(file, problems), problems, foreign: true) is { } root)
        {
            Walk(root);
        }

        return told;

        // Aliases make one node stand in many places: once is enough.
        void Walk(YamlNode node)
        {
            if (!seen.Add(node))
            {
                return;
            }

            foreach (var (key, value) in node.Entries)
            {
                if (Is(key))
                {
                    told.Add($"{problems.At(key)}: the key `{key.Text}` is true or false to readers of YAML 1.1, and refused or lost: write it in quotes");
                }

                Walk(value);
            }

            foreach (var item in node.Items)
            {
                Walk(item);
            }
        }
    }
}
