using Laptime.Foundations;
using Laptime.Workspaces;
using Laptime.Workspaces.Compose;
using Laptime.Workspaces.Yaml;

namespace Laptime.Recipes.Reading;

/// <summary>
/// The variables of one checkout: <c>.env.sample</c>, over it what <c>abra.sh</c> exports, over both recipe.yaml's <c>env</c>, what dependencies export, and what every run has of its own.
/// Nothing of the user's own environment comes in.
/// </summary>
internal sealed class RecipeEnvironment
{
    public const string SampleName = ".env.sample";
    public const string ShellName = "abra.sh";
    private const string Before = "SECRET_";
    private const string Behind = "_VERSION";

    private readonly Dictionary<string, string> values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SecretMaker> makers = new(StringComparer.Ordinal);

    private RecipeEnvironment() { }

    public IReadOnlyDictionary<string, string> Values => values;

    /// <summary>By the secret's name as variables have it (DB_PASSWORD).</summary>
    public SecretMaker MakerOf(string secret) => makers.GetValueOrDefault(Variable(secret)) ?? SecretMaker.Default;

    /// <summary>The value that recipe.yaml or a dependency gives the secret; null: a random one.</summary>
    public string? GivenTo(string secret) => values.GetValueOrDefault(Before + Variable(secret));

    /// <param name="refuse">As of <see cref="ComposeFile.Read"/>.</param>
    /// <exception cref="LapException">A line is not understood.</exception>
    public static RecipeEnvironment Read(
        string folder, string stack, RecipeSettings settings, IReadOnlyDictionary<string, string> exports, Func<string, string?> refuse, List<string> warnings)
    {
        var environment = new RecipeEnvironment();
        var values = environment.values;
        // Over the file, and seen by its own references: a variable made of DOMAIN follows the domain of this run.
        var over = new Dictionary<string, string>(StringComparer.Ordinal) { ["DOMAIN"] = stack + ".test" };
        foreach (var (name, value) in settings.Env.Concat(exports))
        {
            over[name] = value;
        }

        over["STACK_NAME"] = stack;
        if (Text(Path.Combine(folder, SampleName), refuse) is { } sample)
        {
            foreach (var (name, value) in DotEnv.Parse(sample.Text, sample.Problems, over.GetValueOrDefault))
            {
                values[name] = value;
            }

            sample.Problems.ThrowIfAny();
            environment.Makers(sample.Text, sample.Problems.File, warnings);
        }

        foreach (var (name, value) in over)
        {
            values[name] = value;
        }

        if (Text(Path.Combine(folder, ShellName), refuse) is { } shell)
        {
            foreach (var (name, value) in ShellSettings.Exports(shell.Text, shell.Problems.File, values.GetValueOrDefault, warnings))
            {
                if (!over.ContainsKey(name))
                {
                    values[name] = value;
                }
            }
        }

        return environment;
    }

    /// <summary>The comments that say how secrets are made: compose takes them for comments, the recipe's own tool reads them.</summary>
    private void Makers(string text, string shown, List<string> warnings)
    {
        var number = 0;
        foreach (var raw in text.Split('\n'))
        {
            number++;
            var line = raw.Trim();
            line = line.StartsWith("export ", StringComparison.Ordinal) ? line[7..].TrimStart() : line;
            var equals = line.IndexOf('=');
            if (equals > 0 && line[..equals].TrimEnd() is var name && name.StartsWith(Before, StringComparison.Ordinal) && name.EndsWith(Behind, StringComparison.Ordinal) && name.Length > Before.Length + Behind.Length
                && line.IndexOf('#', equals) is > 0 and var comment)
            {
                makers[name[Before.Length..^Behind.Length]] = SecretMaker.Parse(line[(comment + 1)..], $"{shown}:{number}:{comment + 1}", warnings);
            }
        }
    }

    private static string Variable(string secret) => secret.ToUpperInvariant().Replace('-', '_').Replace('.', '_');

    private static (string Text, ProblemList Problems)? Text(string file, Func<string, string?> refuse)
    {
        if (!File.Exists(file))
        {
            return null;
        }

        var problems = new ProblemList(WorkspaceFile.Shown(file));
        return refuse(file) is { } why ? throw new LapException(why, problems.File + ":1:1", "put the file itself there") : (WorkspaceFile.ReadText(file, problems), problems);
    }
}
