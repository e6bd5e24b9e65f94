-- Azioni that results propose, that operator and persona agreed, and what came of them.
with

all_assessments as (
    select assessment_id, pseudonym, instrument, version, profile, cast(extract(year from assessed_on) as varchar) as year
    from assessments
),

all_scores as (select * from scores where level is not null),

all_blocks as (select * from blocks),

all_azioni as (select * from azioni),

definitions as (select * from ref_azioni),

-- Each azione is a bit of a word: what an assessment proposes is a number or two instead of many rows.
places as (
    select azione, cast(floor(place / 62) as integer) as word, cast(1 as bigint) << cast(place % 62 as bigint) as bit
    from (select azione, dense_rank() over (order by azione) - 1 as place from definitions group by azione) as placed
),

reasons as (
    select
        definitions.instrument, definitions.version, definitions.source, definitions.target, definitions.outcome,
        places.word,
        bit_or(places.bit) as bits
    from definitions
    inner join places on places.azione = definitions.azione
    group by
        definitions.instrument, definitions.version, definitions.source, definitions.target, definitions.outcome,
        places.word
),

-- What a report proposes: by the level that counts on each scale, by the class of the profile, by missing minimum conditions.
found as (
    select all_scores.assessment_id, reasons.word, reasons.bits
    from all_scores
    inner join reasons
        on reasons.source = 'level'
        and reasons.instrument = all_scores.instrument
        and reasons.version = all_scores.version
        and reasons.target = all_scores.scale
        and reasons.outcome = all_scores.level
    union all
    select all_assessments.assessment_id, reasons.word, reasons.bits
    from all_assessments
    inner join reasons
        on reasons.source = 'class'
        and reasons.instrument = all_assessments.instrument
        and reasons.version = all_assessments.version
        and reasons.outcome = all_assessments.profile
    union all
    select all_blocks.assessment_id, reasons.word, reasons.bits
    from all_blocks
    inner join all_assessments on all_assessments.assessment_id = all_blocks.assessment_id
    inner join reasons
        on reasons.source = 'block'
        and reasons.instrument = all_blocks.instrument
        and reasons.version = all_assessments.version
        and reasons.outcome = all_blocks.block
),

proposals as (
    select assessment_id, word, bit_or(bits) as bits
    from found
    group by assessment_id, word
),

alike as (
    select all_assessments.year, all_assessments.instrument, proposals.word, proposals.bits, count(*) as assessments
    from proposals
    inner join all_assessments on all_assessments.assessment_id = proposals.assessment_id
    group by all_assessments.year, all_assessments.instrument, proposals.word, proposals.bits
),

proposed as (
    select alike.year, alike.instrument, places.azione, sum(alike.assessments) as proposed
    from alike
    inner join places on places.word = alike.word and (alike.bits & places.bit) <> 0
    group by grouping sets ((alike.year, alike.instrument, places.azione), (alike.instrument, places.azione))
),

-- The catalogue has every azione: one that nothing proposes can be agreed all the same.
agreements as (
    select
        all_assessments.year,
        all_assessments.instrument,
        all_assessments.pseudonym,
        all_azioni.azione,
        all_azioni.outcome,
        coalesce((proposals.bits & places.bit) <> 0, false) as is_proposed
    from all_azioni
    inner join all_assessments on all_assessments.assessment_id = all_azioni.assessment_id
    left join places on places.azione = all_azioni.azione
    left join proposals
        on proposals.assessment_id = all_azioni.assessment_id
        and proposals.word = places.word
),

agreed as (
    select
        year,
        instrument,
        azione,
        count(*) as agreed,
        count(*) filter (where is_proposed) as agreed_as_proposed,
        count(*) filter (where outcome = 'completed') as completed,
        count(*) filter (where outcome = 'under_way') as under_way,
        count(*) filter (where outcome = 'dropped') as dropped,
        count(*) filter (where outcome is null) as not_recorded,
        count(distinct pseudonym) as people
    from agreements
    group by grouping sets ((year, instrument, azione), (instrument, azione))
),

final as (
    select
        coalesce(proposed.year, agreed.year, 'all') as period,
        coalesce(proposed.instrument, agreed.instrument) as instrument,
        coalesce(proposed.azione, agreed.azione) as azione,
        cast(coalesce(proposed.proposed, 0) as bigint) as proposed,
        cast(coalesce(agreed.agreed, 0) as bigint) as agreed,
        cast(coalesce(agreed.agreed_as_proposed, 0) as bigint) as agreed_as_proposed,
        cast(coalesce(agreed.completed, 0) as bigint) as completed,
        cast(coalesce(agreed.under_way, 0) as bigint) as under_way,
        cast(coalesce(agreed.dropped, 0) as bigint) as dropped,
        cast(coalesce(agreed.not_recorded, 0) as bigint) as not_recorded,
        cast(coalesce(agreed.people, 0) as bigint) as people
    from proposed
    full outer join agreed
        on coalesce(agreed.year, 'all') = coalesce(proposed.year, 'all')
        and agreed.instrument = proposed.instrument
        and agreed.azione = proposed.azione
)

select * from final
order by period, instrument, azione
