using Laptime.Processes;
using Laptime.Timing;

namespace Laptime.Transactions;

/// <summary>
/// The events of one transaction: each is persisted, then published, in order. Before <see cref="Begin"/> nothing is persisted: a run that
/// turns out to have nothing to do leaves no open transaction.
/// </summary>
public sealed class TransactionLog(Func<Journal> journal, Action<TransactionEvent> publish)
{
    private readonly Lock gate = new();
    private TransactionDocument document = null!;
    private bool begun;

    /// <summary>The document as it stands.</summary>
    public TransactionDocument Document
    {
        get
        {
            lock (gate)
            {
                return document;
            }
        }
    }

    /// <summary>Sets the document that the events start from.</summary>
    public void Open(TransactionDocument first) => document = first;

    /// <summary>Makes the intent durable, with everything that happened so far in its document.</summary>
    public void Begin(ProcessOwner owner)
    {
        lock (gate)
        {
            var began = new TransactionEvent.Began(document, owner);
            journal().Begin(began);
            begun = true;
        }
    }

    public void Add(TransactionEvent happened)
    {
        lock (gate)
        {
            document = happened.ApplyTo(document);
            if (begun)
            {
                journal().Append(document.Id, happened);
            }

            publish(happened);
        }
    }

    public void Segment(Segment segment) => Add(new TransactionEvent.SegmentChanged(segment));

    public void Component(ComponentReport component) => Add(new TransactionEvent.ComponentChanged(component));

    public void Warn(string text) => Add(new TransactionEvent.Warned(text));

    /// <summary>Changes the document's head (trigger, counters, gaps).</summary>
    public void Change(Func<TransactionDocument, TransactionDocument> change)
    {
        lock (gate)
        {
            document = change(document);
        }
    }

    /// <summary>Makes the end durable and publishes it.</summary>
    public void End(TransactionDocument ended)
    {
        lock (gate)
        {
            document = ended;
            if (!begun)
            {
                journal().Begin(new TransactionEvent.Began(ended, ProcessOwner.Current()));
            }

            journal().End(ended);
            publish(new TransactionEvent.Ended(ended));
        }
    }
}
