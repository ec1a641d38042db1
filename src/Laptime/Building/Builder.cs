using Laptime.Building.Images;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Processes;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Building;

/// <summary>
/// Builds one component: its steps in order, each a measured segment, those with unchanged inputs of their own left out as cache hits; then
/// collects the declared outputs. A component that declares no outputs is its input files. An image that a tool builds is built last.
/// </summary>
/// <remarks>
/// <para>Before the steps run, declared outputs are removed, so that nothing stale gets into the artifact. Kept is only what a step that is a cache hit
/// wrote itself and nobody touched since: it would be written again just so. What another profile wrote has another identity, and goes.</para>
/// <para>A step's record is written after it succeeded and removed before it runs: failure, cancellation and kill -9 leave none. Builds of
/// one component exclude each other between processes; a step that a killed lap left running is ended before the next build.</para>
/// </remarks>
public sealed class Builder(ProcessRunner runner, TimeProvider clock)
{
    private static readonly TimeSpan LockBound = TimeSpan.FromHours(1);

    /// <summary>What starts the builder's programs, for what belongs to a build but is done elsewhere.</summary>
    public ProcessRunner Runner => runner;

    /// <param name="timeline">Gets the segments <c>build/STEP</c> (and <c>wait</c> when another process builds the component just now).</param>
    /// <param name="parentSegment">Segment they lie in, or null.</param>
    /// <param name="onLine">What steps print, from the step's own thread.</param>
    /// <exception cref="FaultException">Outcome.BuildFailed with the step, its end, its last lines and its log.</exception>
    /// <exception cref="LapException">The outputs are declared so that they would delete inputs.</exception>
    public async Task<BuildResult> BuildAsync(BuildRequest request, Timeline timeline, int? parentSegment, Action<BuildLine>? onLine, CancellationToken cancel)
    {
        var component = request.Component;
        var gaps = component.Build.Steps.Where(s => !ParityGap.Runs(s, request.Loop, request.Full))
            .Select(s => ParityGap.Text(component.Name, s, request.Loop)).ToList();
        var steps = component.Build.Steps.Where(s => ParityGap.Runs(s, request.Loop, request.Full)).ToList();
        var outputs = Outputs.Of(request);
        var image = component.Build.Image;
        if (steps.Count == 0 && image is null or { IsLayered: true })
        {
            // Nothing would write the outputs again: they are taken as they are, never removed.
            return Of(Collect(request, outputs), [], []);
        }

        try
        {
            var folder = Path.Combine(new WorkspaceFolder(request.Root).Create(), "steps");
            Directory.CreateDirectory(folder);
            var name = StepRecords.SafeName(component.Name);
            using var held = await LockAsync(Path.Combine(folder, $"={name}.lock"), component.Name, timeline, parentSegment, cancel).ConfigureAwait(false);
            var pidFile = Path.Combine(folder, $"={name}.pid");
            await LeftoverProgram.EndAsync(pidFile, clock, cancel).ConfigureAwait(false);
            var run = new StepSequence(request, outputs, new StepRecords(folder, request.Profile?.Name, component.Name), runner, pidFile, timeline, parentSegment, onLine);
            var results = steps.Count == 0 ? [] : await run.RunAsync(steps, cancel).ConfigureAwait(false);
            if (image is null or { IsLayered: true })
            {
                return Of(Collect(request, outputs), results, run.Warnings);
            }

            var made = ImageFolder(request.Root, name);
            var tool = new ImageTool(request, image, runner, made, pidFile, timeline, parentSegment, onLine);
            var (built, more) = await tool.BuildAsync(results.Count > 0 ? results[^1].Segment.Id : null, cancel).ConfigureAwait(false);
            return new BuildResult(component.Name, [], [.. results, .. more], gaps, run.Warnings) { Image = built };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(new Fault(Outcome.BuildFailed, $"{component.Name} cannot be built: {e.Message}", component.Name,
                "free some disk space, or make the workspace's files readable and writable for this user"), e);
        }

        BuildResult Of(IReadOnlyList<OutputFile> files, IReadOnlyList<StepResult> results, IReadOnlyList<string> warnings) =>
            new(component.Name, files, results, gaps, warnings) { Image = image is null ? null : new BuiltImage.Layered(image, files, image.Platform ?? BuiltImage.DefaultPlatform) };
    }

    private static IReadOnlyList<OutputFile> Collect(BuildRequest request, Outputs outputs)
    {
        var component = request.Component;
        if (component.Build.Outputs.Count > 0)
        {
            return outputs.Collect();
        }

        // Inputs from outside the component's path (shared definitions) decide the artifact but have no place in it.
        var prefix = component.Path.Length == 0 ? "" : component.Path + "/";
        return
        [
            .. request.Fingerprint.FileNames()
                .Where(n => n.StartsWith(prefix, StringComparison.Ordinal) && !n.StartsWith("../", StringComparison.Ordinal))
                .Select(n => OutputFile.Read(n[prefix.Length..], Path.Combine(request.Root, n))),
        ];
    }

    /// <summary>A new folder for what a tool makes. What killed builds left goes; nothing takes a day to be stored.</summary>
    private string ImageFolder(string root, string name)
    {
        var all = Path.Combine(new WorkspaceFolder(root).Path, "images");
        foreach (var old in Directory.Exists(all) ? Directory.EnumerateDirectories(all).ToList() : [])
        {
            if (clock.GetUtcNow() - Directory.GetLastWriteTimeUtc(old) > TimeSpan.FromDays(1))
            {
                Directory.Delete(old, recursive: true);
            }
        }

        return Directory.CreateDirectory(Path.Combine(all, $"{name}.{Guid.NewGuid():N}")).FullName;
    }

    private async Task<FileStream> LockAsync(string path, string component, Timeline timeline, int? parent, CancellationToken cancel)
    {
        if (FileLock.TryTake(path) is { } free)
        {
            return free;
        }

        using var wait = timeline.Begin("wait", component, "lock", parent);
        var held = await FileLock.TakeAsync(path, LockBound, clock, cancel).ConfigureAwait(false);
        wait.End();
        return held;
    }
}
