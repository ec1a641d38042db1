using Laptime.Foundations;

namespace Laptime.Cli.Rendering;

/// <summary>The local registry on a terminal.</summary>
internal static class RegistryView
{
    private const int Indent = 10;

    public static string Render(RegistryDocument document, Terminal terminal)
    {
        var page = new Page(terminal);
        var up = document.Standing == "up";
        var who = document.Pid is { } pid ? $", pid {pid}" : document.Container is { } container ? $", container {container[..12]}" : "";
        page.Wrapped(
            up ? Symbols.Good(terminal) : Symbols.Bad(terminal),
            new Span(up
                ? $"the registry {document.Address} serves{(document.Own ? $"{who}, since {document.Since!.Value.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z" : "; this workspace did not start it")}"
                : document.Own ? $"the local registry {document.Address} runs{who}, but does not serve: {document.Words}" : $"no registry at {document.Address}: {document.Words}", Tone.Strong), 2);
        if (document.Done is { Action: "started" or "recovered" } done)
        {
            page.Wrapped("  ", new Span($"it was {done.Action}{(done.Detail.Length == 0 ? "" : ": " + done.Detail)} ({Duration.Text(done.Seconds)})"), 2);
        }

        page.Wrapped(new Span("  data", Tone.Dim), new Span($"{ArtifactView.Bytes(document.DataBytes)} in {document.Data}"), Indent);
        page.Wrapped(new Span("  log", Tone.Dim), new Span(document.Log), Indent);
        return page.ToString();
    }
}
