using Laptime.Foundations;
using Laptime.Workspaces;
using Laptime.Workspaces.Yaml;

namespace Laptime.Gates;

/// <summary>Finds and reads gates.yaml, with the same care as laptime.yaml: every problem at once, each with its place.</summary>
public static class GateFile
{
    public const string FileName = "gates.yaml";

    /// <summary>The nearest gates.yaml in the folder or above it; null when there is none.</summary>
    public static string? Find(string start)
    {
        for (var at = Path.GetFullPath(start); at is not null; at = Path.GetDirectoryName(at))
        {
            if (File.Exists(Path.Combine(at, FileName)))
            {
                return Path.Combine(at, FileName);
            }
        }

        return null;
    }

    /// <param name="shown">The file's name in messages; null: the path, shortened.</param>
    /// <exception cref="LapException">All problems at once, in the file's order.</exception>
    public static GateSheet Load(string path, string? shown = null)
    {
        var file = Path.GetFullPath(path);
        if (!File.Exists(file))
        {
            throw new LapException("there is no such gates.yaml", shown ?? file, First);
        }

        var problems = new ProblemList(shown ?? WorkspaceFile.Shown(file));
        return Parse(WorkspaceFile.ReadText(file, problems), file, problems);
    }

    /// <summary>Reads a text as if it stood in the file, which need not exist.</summary>
    /// <exception cref="LapException">All problems at once.</exception>
    public static GateSheet Parse(string text, string path) => Parse(text, Path.GetFullPath(path), new ProblemList(WorkspaceFile.Shown(Path.GetFullPath(path))));

    /// <summary>What a first file may say, for messages.</summary>
    public const string First = "a first one: `items: [ { id: tests, text: The tests pass., check: ./test } ]`";

    private static GateSheet Parse(string text, string file, ProblemList problems)
    {
        var node = YamlReader.Read(text, problems);
        if (node is null || node.IsNull)
        {
            problems.Add(1, 1, "the file is empty", First);
            problems.ThrowIfAny();
        }

        var sheet = new GateBinder(file, new ValueBinder(problems, new TemplateParser(text, problems))).Bind(node!);
        problems.ThrowIfAny();
        return sheet!;
    }
}
