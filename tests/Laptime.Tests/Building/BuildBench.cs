using Laptime.Building;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Tests.Building;

/// <summary>A workspace with one component, built with real processes. Its file parts are what lies in the folder, but for the names given.</summary>
internal sealed class BuildBench : IDisposable
{
    private static readonly SourceLocation Here = new("laptime.yaml", 1, 1);

    public TemporaryFolder Folder { get; } = new();

    public List<Segment> Segments { get; } = [];

    public List<BuildLine> Lines { get; } = [];

    /// <summary>First names of paths that are no inputs, as git would ignore them.</summary>
    public HashSet<string> Ignored { get; } = ["out", "obj", ".laptime", "logs", "ran", "dist"];

    public Dictionary<string, string> Values { get; } = new() { ["env.TOKEN"] = "s3cret!", ["profile.mode"] = "Debug" };

    public Profile? Profile { get; set; }

    public Loop Loop { get; set; } = Loop.Fast;

    public string ComponentPath { get; set; } = "";

    public Dictionary<string, string> Used { get; } = [];

    public List<FingerprintPart> MoreParts { get; } = [];

    public IReadOnlyList<string> OtherInputs { get; set; } = [];

    public void Dispose() => Folder.Dispose();

    public static Step Shell(string name, string text, params string[] inputs) => new()
    {
        Name = name, Run = new CommandLine.Shell(Parse(text)), Inputs = inputs.Length == 0 ? null : inputs, At = Here, Kind = StepKind.Compile,
    };

    /// <summary>A step that says in the file <c>ran</c> (one letter per run) that it ran.</summary>
    public Step Counted(string name, string text, params string[] inputs) => Shell(name, $"printf {name} >> {Folder.At("ran")}; {text}", inputs);

    public string Ran => File.Exists(Folder.At("ran")) ? File.ReadAllText(Folder.At("ran")) : "";

    public BuildRequest Request(IReadOnlyList<Step> steps, IReadOnlyList<string> outputs)
    {
        var root = Folder.Path;
        List<FingerprintPart> parts =
        [
            .. Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories)
                .Select(f => Path.GetRelativePath(root, f).Replace('\\', '/'))
                .Where(f => !f.Split('/').Any(Ignored.Contains))
                .Order(StringComparer.Ordinal)
                .Select(f => new FingerprintPart(PartKind.File, f, "file:" + Digest.Of(File.ReadAllBytes(Path.Combine(root, f))).ToHex())),
            .. MoreParts,
        ];
        return new BuildRequest
        {
            Root = root, Loop = Loop, Profile = Profile, Values = name => Values.GetValueOrDefault(name), LogFolder = Folder.At("logs"),
            Component = new Component { Name = "gateway", Path = ComponentPath, At = Here, Build = new BuildSettings { Steps = steps, Outputs = outputs } },
            Fingerprint = new ComponentFingerprint("gateway", Digest.Of("f"), parts), UsedArtifacts = Used, OtherInputs = OtherInputs,
        };
    }

    public Task<BuildResult> Build(IReadOnlyList<Step> steps, IReadOnlyList<string> outputs, CancellationToken? cancel = null, Action<BuildLine>? onLine = null)
    {
        Segments.Clear();
        return new Builder(new ProcessRunner(TimeProvider.System), TimeProvider.System).BuildAsync(Request(steps, outputs),
            new Timeline(TimeProvider.System, Segments.Add), null, onLine ?? Lines.Add, cancel ?? TestContext.Current.CancellationToken);
    }

    public static Template Parse(string text)
    {
        List<TemplatePart> parts = [];
        for (var at = 0; at < text.Length;)
        {
            var open = text.IndexOf("${", at, StringComparison.Ordinal);
            if (open < 0)
            {
                parts.Add(new TemplatePart.Text(text[at..]));
                break;
            }

            parts.Add(new TemplatePart.Text(text[at..open]));
            var close = text.IndexOf('}', open);
            parts.Add(new TemplatePart.Name(text[(open + 2)..close]));
            at = close + 1;
        }

        return new Template(text, parts);
    }
}
