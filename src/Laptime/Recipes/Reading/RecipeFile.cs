using Laptime.Foundations;
using Laptime.Workspaces;
using Laptime.Workspaces.Yaml;

namespace Laptime.Recipes.Reading;

/// <summary>What recipe.yaml is read against.</summary>
/// <param name="Root">Folder of the recipe, absolute.</param>
/// <param name="Kind">Some keys are for one kind alone.</param>
/// <param name="IsForeign">It names only what is its own: nothing of this machine.</param>
/// <param name="Checks">Names of the checks that are there; null: not known, and not checked.</param>
public sealed record RecipeFileGround(string Root, RecipeKind Kind, bool IsForeign = false, IReadOnlyCollection<string>? Checks = null);

/// <summary>Finds and reads recipe.yaml, with the same care as laptime.yaml: every problem at once, each with its place.</summary>
public static class RecipeFile
{
    public const string FileName = "recipe.yaml";

    /// <summary>The file in a recipe's folder; null when there is none.</summary>
    /// <exception cref="LapException">There is one by another spelling.</exception>
    public static string? Find(string root)
    {
        var file = Path.Combine(root, FileName);
        if (File.Exists(file))
        {
            return file;
        }

        return File.Exists(Path.Combine(root, "recipe.yml")) ? throw new LapException("recipe.yml is not read: the file is called recipe.yaml", Path.Combine(root, "recipe.yml"), "rename it") : null;
    }

    /// <param name="shown">The file's name in messages; null: the path, shortened.</param>
    /// <exception cref="LapException">All problems at once, in the file's order.</exception>
    public static RecipeSettings Load(string path, RecipeFileGround ground, string? shown = null)
    {
        var file = Path.GetFullPath(path);
        if (!File.Exists(file))
        {
            throw new LapException("there is no such recipe.yaml", shown ?? file, "name one that is there, or leave it out: everything in it has a default");
        }

        var problems = new ProblemList(shown ?? WorkspaceFile.Shown(file));
        return Parse(WorkspaceFile.ReadText(file, problems), file, ground, problems);
    }

    /// <summary>Whether a file asks for Swarm, before it is known what it may ask for. What is wrong with it is told by <see cref="Load"/>.</summary>
    internal static bool WantsSwarm(string? file)
    {
        if (file is null || !File.Exists(file))
        {
            return false;
        }

        try
        {
            var problems = new ProblemList(file);
            return YamlReader.Read(WorkspaceFile.ReadText(file, problems), problems) is { Kind: YamlKind.Map } node && node.Find("target") is { Text: "swarm" };
        }
        catch (LapException)
        {
            return false;
        }
    }

    /// <summary>Reads a text as if it stood in the file, which need not exist.</summary>
    /// <exception cref="LapException">All problems at once.</exception>
    public static RecipeSettings Parse(string text, string path, RecipeFileGround ground) => Parse(text, Path.GetFullPath(path), ground, new ProblemList(WorkspaceFile.Shown(Path.GetFullPath(path))));

    private static RecipeSettings Parse(string text, string file, RecipeFileGround ground, ProblemList problems)
    {
        var node = YamlReader.Read(text, problems);
        if (node is null || node.IsNull)
        {
            // Everything in it has a default: an empty one says nothing, and that is fine.
            problems.ThrowIfAny();
            return new RecipeSettings { File = file };
        }

        var settings = new RecipeBinder(file, ground, new ValueBinder(problems, new TemplateParser(text, problems))).Bind(node);
        problems.ThrowIfAny();
        return settings!;
    }
}
