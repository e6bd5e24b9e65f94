-- One row per assessment: where it stands among those of its person with the strumento, and which one comes before it. One
-- sort for whatever asks about first, last and next.
with

all_assessments as (
    select
        assessment_id,
        instrument,
        pseudonym,
        assessed_on,
        validated_at,
        cast(extract(year from assessed_on) as integer) as year,
        cast(4 * extract(year from assessed_on) + extract(quarter from assessed_on) as integer) as quarter
    from assessments
),

placed as (
    select
        *,
        row_number() over one_by_one as place,
        lag(assessment_id) over one_by_one as before_id,
        first_value(assessment_id) over one_by_one as first_id,
        first_value(quarter) over one_by_one as first_quarter,
        lead(year) over one_by_one as next_year,
        lead(quarter) over one_by_one as next_quarter
    from all_assessments
    window one_by_one as (partition by instrument, pseudonym order by assessed_on, validated_at, assessment_id)
),

final as (
    select
        assessment_id,
        instrument,
        pseudonym,
        year,
        quarter,
        place,
        before_id,
        first_id,
        first_quarter,
        next_year,
        next_quarter,
        next_year is null as is_last,
        next_year is null or next_year <> year as is_last_of_year,
        next_quarter is null or next_quarter <> quarter as is_last_of_quarter
    from placed
)

select * from final
